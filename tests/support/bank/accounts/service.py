from sqlalchemy.orm import Session

from tests.support.bank import SCENARIOS
from tests.support.bank.accounts.api import Accounts


class AccountService(Accounts):
    def __init__(self, db: Session) -> None:
        self.db = db

    def read(self, name: str) -> int:
        return int(SCENARIOS[name](self.db))

    def set(self, name: str) -> int:
        return int(SCENARIOS[name](self.db))

    def once(self, name: str) -> int:
        return int(SCENARIOS[name](self.db))

    def keyed(self, name: str) -> int:
        return int(SCENARIOS[name](self.db))
