"""What takes the old application's place."""
