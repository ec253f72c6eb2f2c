from app import app


def test_a_user_has_an_id_and_a_name():
    response = app.test_client().get('/users/7')
    assert response.get_json() == {'id': 7, 'name': 'User 7'}


def test_an_id_is_a_number():
    assert app.test_client().get('/users/seven').status_code == 404
