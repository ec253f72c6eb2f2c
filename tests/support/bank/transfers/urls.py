from sqlalchemy.orm import Session

from decant import operation, url
from tests.support.bank import SCENARIOS
from tests.support.bank.accounts.api import Accounts


@operation
def page(name: str, db: Session, accounts: Accounts) -> int:
    return int(SCENARIOS[name](db, accounts))


urlpatterns = [url("/page/<name>", view_func=page, name="page")]
