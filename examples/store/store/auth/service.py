from sqlalchemy.orm import Session

from decant import CallContext
from decant.auth import AccessTokens, LoginLimit, Passwords, Refreshed, RefreshTokens, audited
from decant.auth.sign_out import SignOut
from decant.clock import Clock
from decant.errors import AuthenticationError
from store.auth.accounts import Accounts
from store.auth.api import Account, Auth, Registration, SignedIn, SignUp, UnknownUser
from store.auth.models import UserRow


class AuthService(Auth):
    def __init__(
        self,
        db: Session,
        context: CallContext,
        *,
        passwords: Passwords,
        limit: LoginLimit,
        tokens: AccessTokens,
        refresh_tokens: RefreshTokens,
        ending: SignOut,
        clock: Clock,
    ) -> None:
        self.accounts = Accounts(db, passwords, clock)
        self.context = context
        self.limit = limit
        self.tokens = tokens
        self.refresh_tokens = refresh_tokens
        self.ending = ending

    def register(self, person: Registration) -> Account:
        with audited("sign-up", account=person.email) as attempt:
            user = self.accounts.add(person.username, person.email, person.password, person.username)
            attempt.subject = user.public_id
        return to_account(user)

    def sign_up(self, person: SignUp) -> SignedIn:
        with audited("sign-up", account=person.email) as attempt:
            user = self.accounts.add(person.email, person.email, person.password, person.name)
            attempt.subject = user.public_id
            return self._signed_in(self.refresh_tokens.start(user.public_id), user)

    def find(self, user_id: str) -> Account:
        user = self.accounts.by_public_id(user_id)
        if user is None:
            raise UnknownUser(user_id=user_id)
        return to_account(user)

    def sign_in(self, email: str, password: str, address: str) -> SignedIn:
        with audited("sign-in", account=email, address=address) as attempt:
            with self.limit.attempt(email, address):
                user = self.accounts.by_email(email)
                attempt.subject = user.public_id if user is not None else None
                user = self.accounts.check_password(user, password)
            return self._signed_in(self.refresh_tokens.start(user.public_id), user)

    def refresh(self, refresh_token: str) -> SignedIn:
        with audited("refresh") as attempt:
            refreshed = self.refresh_tokens.rotate(refresh_token)
            attempt.subject = refreshed.subject
            return self._signed_in(refreshed, self.accounts.by_public_id(refreshed.subject))

    def me(self) -> Account:
        user = self.accounts.by_public_id(self._subject())
        if user is None:
            raise AuthenticationError("The account of this access token is gone.")
        return to_account(user)

    def sign_out(self) -> None:
        with audited("sign-out") as attempt:
            principal = self.tokens.verify_header(self.context.authorization)
            attempt.subject = principal.subject
            self.ending.here(principal)

    def sign_out_everywhere(self) -> None:
        with audited("sign-out-everywhere") as attempt:
            attempt.subject = self._subject()
            self.ending.everywhere(attempt.subject)

    def _subject(self) -> str:
        subject = self.context.caller.subject
        if subject is None:
            raise AuthenticationError("The access token is missing.")
        return subject

    def _signed_in(self, refreshed: Refreshed, user: UserRow | None) -> SignedIn:
        roles = user.roles.split() if user is not None else []
        return SignedIn(
            user_id=refreshed.subject,
            access_token=self.tokens.issue(refreshed.subject, session=refreshed.family, roles=roles),
            refresh_token=refreshed.token,
            expires_in=self.tokens.lifetime_s,
        )


def to_account(user: UserRow) -> Account:
    return Account(
        user_id=user.public_id, username=user.username, email=user.email, name=user.name, created_at=user.created_at
    )
