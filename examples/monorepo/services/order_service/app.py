from flask import Flask, abort, jsonify

from db_connector.connection import get_connection

app = Flask(__name__)

db = get_connection()
db.execute('CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL)')
db.execute('CREATE TABLE order_items (order_id INTEGER NOT NULL, product_id INTEGER NOT NULL)')
for number in range(1, 101):
    db.execute('INSERT INTO orders VALUES (?, ?)', (number, number % 10 + 1))
    db.executemany(
        'INSERT INTO order_items VALUES (?, ?)', [(number, number), (number, number % 100 + 1)]
    )


@app.route('/orders/<int:order_id>')
def get_order(order_id):
    order = db.execute('SELECT id, user_id FROM orders WHERE id = ?', (order_id,)).fetchone()
    if order is None:
        abort(404)
    items = db.execute('SELECT product_id FROM order_items WHERE order_id = ?', (order_id,))
    return jsonify({**dict(order), 'product_ids': [item['product_id'] for item in items]})


@app.route('/health')
def health():
    return jsonify({'status': 'ok'})


if __name__ == '__main__':
    app.run(host='0.0.0.0', port=5003)
