from flask import Flask, jsonify

from common_utils.helpers import display_name

app = Flask(__name__)


@app.route('/users/<int:user_id>')
def get_user(user_id):
    return jsonify({'id': user_id, 'name': display_name('User', user_id)})


@app.route('/health')
def health():
    return jsonify({'status': 'ok'})


if __name__ == '__main__':
    app.run(host='0.0.0.0', port=5001)
