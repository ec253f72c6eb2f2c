"""Write a modular monolith in Flask; decant it into services without changing its code."""
