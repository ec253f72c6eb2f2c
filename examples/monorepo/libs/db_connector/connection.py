import os
import sqlite3


def get_connection(path=None):
    path = path or os.environ.get('SQLITE_PATH', ':memory:')
    connection = sqlite3.connect(path, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    return connection
