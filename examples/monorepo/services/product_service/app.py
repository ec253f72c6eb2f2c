from flask import Flask, abort, jsonify

from common_utils.helpers import display_name
from db_connector.connection import get_connection

app = Flask(__name__)


def load_products(count=100):
    connection = get_connection()
    connection.execute('CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT NOT NULL)')
    rows = [(number, display_name('Product', number)) for number in range(1, count + 1)]
    connection.executemany('INSERT INTO products VALUES (?, ?)', rows)
    return connection


db = load_products()


@app.route('/products/<int:product_id>')
def get_product(product_id):
    row = db.execute('SELECT id, name FROM products WHERE id = ?', (product_id,)).fetchone()
    if row is None:
        abort(404)
    return jsonify(dict(row))


@app.route('/health')
def health():
    return jsonify({'status': 'ok'})


if __name__ == '__main__':
    app.run(host='0.0.0.0', port=5002)
