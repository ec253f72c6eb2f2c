"""Notifications: the mail that customers get about their orders."""

from decant import Module
from store.notifications.post import Postman
from store.notifications.settings import NotificationSettings

module = Module(__name__)
module.provide(Postman, lambda scope: Postman(scope.get(NotificationSettings)))
