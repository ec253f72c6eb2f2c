from decant import create_app

app = create_app()
