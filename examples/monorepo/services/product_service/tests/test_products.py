from app import app


def test_a_product_has_an_id_and_a_name():
    response = app.test_client().get('/products/7')
    assert response.get_json() == {'id': 7, 'name': 'Product 7'}


def test_a_product_that_is_not_there_is_not_found():
    assert app.test_client().get('/products/1000').status_code == 404
