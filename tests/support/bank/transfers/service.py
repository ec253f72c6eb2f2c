from sqlalchemy.orm import Session

from tests.support.bank import SCENARIOS
from tests.support.bank.accounts.api import Accounts
from tests.support.bank.transfers.api import Transfers


class TransferService(Transfers):
    def __init__(self, db: Session, accounts: Accounts) -> None:
        self.db = db
        self.accounts = accounts

    def run(self, name: str) -> int:
        return int(SCENARIOS[name](self.db, self.accounts))

    def rerun(self, name: str) -> int:
        return int(SCENARIOS[name](self.db, self.accounts))
