from sqlalchemy.orm import Session

from tests.support.bank import SCENARIOS
from tests.support.bank.accounts.api import Accounts
from tests.support.bank.ledger.api import Ledger
from tests.support.bank.transfers.api import Transfers


class LedgerService(Ledger):
    def __init__(self, db: Session, accounts: Accounts, transfers: Transfers) -> None:
        self.db = db
        self.accounts = accounts
        self.transfers = transfers

    def book(self, name: str) -> int:
        return int(SCENARIOS[name](self.db, self.accounts, self.transfers))

    def charge(self, name: str) -> int:
        return int(SCENARIOS[name](self.db, self.accounts, self.transfers))

    def keep(self, name: str) -> int:
        return int(SCENARIOS[name](self.db, self.accounts, self.transfers))
