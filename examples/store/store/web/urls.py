from decant import url
from store.web import accounts, admin, cart, checkout, faults, mailbox, orders, outage, profile, shelf, tracking, words

__all__ = ["outage", "urlpatterns", "words"]  # what hangs on the module itself is loaded with its routes

urlpatterns = [
    url("/", view_func=shelf.shelf),
    url("/products/<product_id>", view_func=shelf.product),
    url("/cart", view_func=cart.show, name="cart"),
    url("/cart/items", view_func=cart.add, name="cart_add", methods=["POST"]),
    url("/cart/items/<product_id>", view_func=cart.change, name="cart_change", methods=["POST"]),
    url("/checkout", view_func=checkout.show, name="checkout"),
    url("/checkout", view_func=checkout.pay, name="pay", methods=["POST"]),
    url("/orders", view_func=orders.history, name="orders"),
    url("/orders/<order_id>", view_func=orders.show, name="order"),
    url("/orders/<order_id>/state", view_func=tracking.state, name="order_state"),
    url("/orders/<order_id>/events", view_func=tracking.events, name="order_events"),
    url("/orders/<order_id>/cancel", view_func=orders.cancel, name="order_cancel", methods=["POST"]),
    url("/orders/<order_id>/again", view_func=orders.again, name="order_again", methods=["POST"]),
    url("/mailbox", view_func=mailbox.show, name="mailbox"),
    url("/admin", view_func=admin.orders, name="admin"),
    url("/admin/orders/<order_id>/refund", view_func=admin.refund, name="admin_refund", methods=["POST"]),
    url("/admin/stock", view_func=admin.stock, name="admin_stock"),
    url("/admin/stock/<product_id>", view_func=admin.set_stock, name="admin_set_stock", methods=["POST"]),
    url("/faults", view_func=faults.show, name="faults"),
    url("/faults", view_func=faults.change, name="faults_change", methods=["POST"]),
    url("/admin/stuck", view_func=admin.stuck, name="admin_stuck"),
    url("/sign-up", view_func=accounts.sign_up_form),
    url("/sign-up", view_func=accounts.sign_up, methods=["POST"]),
    url("/sign-in", view_func=accounts.sign_in_form),
    url("/sign-in", view_func=accounts.sign_in, methods=["POST"]),
    url("/sign-out", view_func=accounts.sign_out, methods=["POST"]),
    url("/profile", view_func=profile.show),
    url("/profile", view_func=profile.save, methods=["POST"]),
]
