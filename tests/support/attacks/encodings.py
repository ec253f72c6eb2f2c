"""Attacks by the text: base64url and JSON that have two readings, and parts that are missing or too many."""

from __future__ import annotations

import json
from collections.abc import Iterator

from decant.auth import ServiceTokens
from decant.auth.compact import encode
from tests.support.attacks.forger import Forger, private_key

OUTSIDE = ("!", "+", "/", "=", " ", "\t", "\n", "\r\n", "\0", "~", "\u00e4", "\u2010", "\uff21", "%41", "-\u0301")


def encodings(forger: Forger) -> Iterator[tuple[str, str]]:
    """Yield tokens in forms that are not the one right form."""
    good = forger.forge()
    header, payload, signature = good.split(".")
    yield from _parts(header, payload, signature)
    for number, name in enumerate(("header", "payload", "signature")):
        for text in OUTSIDE:
            parts = [header, payload, signature]
            parts[number] = parts[number][:4] + text + parts[number][4:]
            yield f"{text!r} within the {name}", ".".join(parts)
        for text in ("=", "==", "====", "A", "AA", "%3D", "."):
            parts = [header, payload, signature]
            parts[number] += text
            yield f"{text!r} after the {name}", ".".join(parts)
    yield from _texts(forger)
    yield from _around(good)
    yield "an unused bit of the signature", _unused_bit(good)
    yield "an unused bit of the payload", _signed_with_unused_bit(forger)
    yield "a service token under the same key", _service_token(forger)
    yield "a refresh token", encode(bytes(range(32)))
    yield "an API key", "sk_live_" + "a" * 40
    yield "too long", forger.forge(claims={"x": "x" * 9000})
    yield "far too long", "A" * 20_000
    yield "many dots", "." * 8000


def _parts(header: str, payload: str, signature: str) -> Iterator[tuple[str, str]]:
    yield from {
        "nothing but dots": "..", "one dot": ".", "the header alone": header, "the header and a dot": f"{header}.", "no payload": f"{header}..{signature}", "no header": f".{payload}.{signature}",
        "no payload and no dot": f"{header}.{signature}", "no header and no dot": f"{payload}.{signature}", "the payload alone": f".{payload}.", "the signature alone": f"..{signature}",
        "a fourth part": f"{header}.{payload}.{signature}.AA", "an empty fourth part": f"{header}.{payload}.{signature}.", "an empty part before": f".{header}.{payload}.{signature}",
        "five parts": f"{header}.{payload}.{signature}.AA.AA", "an encrypted token": f"{header}.AA.AA.{payload}.{signature}", "parts in another order": f"{payload}.{header}.{signature}",
        "the payload twice": f"{header}.{payload}.{payload}", "the header twice": f"{header}.{header}.{signature}", "detached": f"{header}..{signature}.{payload}",
        "a comma for a dot": f"{header},{payload},{signature}", "percent encoding": f"{header}%2E{payload}%2E{signature}", "full-width dots": f"{header}\uff0e{payload}\uff0e{signature}",
        "a line within": f"{header}.\n{payload}.{signature}", "a space within": f"{header}. {payload}.{signature}", "upper case": f"{header}.{payload}.{signature}".upper(),
        "reversed": f"{header}.{payload}.{signature}"[::-1],
        "JSON serialisation": json.dumps({"protected": header, "payload": payload, "signature": signature}),
        "JSON serialisation, general": json.dumps({"payload": payload, "signatures": [{"protected": header, "signature": signature}]}),
        "JSON serialisation with an open header": json.dumps({"header": {"alg": "none"}, "protected": header, "payload": payload, "signature": signature}),
    }.items()  # fmt: skip


def _around(good: str) -> Iterator[tuple[str, str]]:
    yield from {
        "a NUL after it": good + "\0", "a NUL before it": "\0" + good, "twice": good + good, "two tokens": f"{good},{good}", "two tokens and a space": f"{good} {good}", "in quotes": f'"{good}"',
        "in angle brackets": f"<{good}>", "with its scheme": f"Bearer {good}", "as a parameter": f"token={good}", "a semicolon after it": f"{good};", "a line break and a header": f"{good}\r\nX-Role: admin",
        "a byte order mark before it": "\ufeff" + good, "a no-break space before it": "\u00a0" + good, "a backspace within": good[:9] + "A\b" + good[9:], "in base64": encode(good.encode()),
    }.items()  # fmt: skip


def _texts(forger: Forger) -> Iterator[tuple[str, str]]:
    body, head = json.dumps(forger.claims), json.dumps(forger.header)
    ends, name = str(forger.now + 3600), forger.subject
    for title, raw in {
        "a claim twice": body[:-1] + ', "sub": "root"}', "a claim twice, the same": body[:-1] + f', "sub": "{name}"}}', "a claim twice, escaped": body[:-1] + ', "s\\u0075b": "root"}',
        "a member twice, deep down": body[:-1] + ', "x": {"a": 1, "a": 2}}', "a member twice, in a list": body[:-1] + ', "x": [{"a": 1, "a": 1}]}', "NaN": body.replace(ends, "NaN"),
        "-Infinity": body.replace(ends, "-Infinity"), "Infinity": body.replace(ends, "Infinity"), "1e400": body.replace(ends, "1e400"), "an exponent": body.replace(ends, "1e10"), "a fraction": body.replace(ends, ends + ".0"),
        "a plus sign": body.replace(ends, "+" + ends), "a zero before it": body.replace(ends, "0" + ends), "hexadecimal": body.replace(ends, hex(forger.now + 3600)), "underscores": body.replace(ends, ends[:1] + "_" + ends[1:]),
        "digits of another script": body.replace(ends, "".join(chr(0x660 + int(digit)) for digit in ends)), "NaN somewhere else": body[:-1] + ', "x": NaN}', "True": body[:-1] + ', "x": True}', "undefined": body[:-1] + ', "x": undefined}',
        "a list": f"[{body}]", "a text": json.dumps(body), "null": "null", "a number": "1", "nothing": " ", "two objects": body + body, "two lines": body + "\n" + body, "a comment": body[:-1] + "/**/}", "a line comment": body + "//",
        "a trailing comma": body[:-1] + ",}", "no closing brace": body[:-1], "a brace too many": body + "}", "half a surrogate pair": body.replace(name, "\\ud800"), "a surrogate pair the wrong way round": body.replace(name, "\\udc00\\ud800"),
        "a depth of 2000": body[:-1] + ', "x": ' + "[" * 2000 + "]" * 2000 + "}", "5000 digits": body[:-1] + ', "x": ' + "9" * 5000 + "}", "single quotes": body.replace('"', "'"), "names without quotes": body.replace('"sub"', "sub"),
        "a NUL after it": body + "\0", "a line break in a text": body.replace(name, "a\nb"), "a bad escape": body.replace(name, "\\x41"),
    }.items():  # fmt: skip
        yield f"JSON: {title}", forger.sign(head, raw)
    for title, data in {
        "a byte order mark": b"\xef\xbb\xbf" + body.encode(), "UTF-16": body.encode("utf-16"), "UTF-32": body.encode("utf-32"), "UTF-16 without a mark": body.encode("utf-16-le"), "UTF-7": body.replace("{", "+AHs-").encode(),
        "Latin-1": body.replace(name, "\xe4da").encode("latin-1"), "overlong UTF-8": body.encode().replace(name.encode(), b"\xc1\xa1da"), "a surrogate in UTF-8": body.encode().replace(name.encode(), b"\xed\xa0\x80"),
        "half a character": body.encode()[:-1] + b"\xc3", "compressed": b"\x78\x9c\x03\x00\x00\x00\x00\x01", "CBOR": b"\xa1\x63sub\x63ada", "a token": forger.forge().encode(),
    }.items():  # fmt: skip
        yield f"payload: {title}", forger.sign(head, data)
    for title, text in {
        "alg twice": head[:-1] + ', "alg": "none"}', "alg twice, none first": '{"alg": "none", ' + head[1:], "alg twice, escaped": head[:-1] + ', "\\u0061lg": "none"}', "kid twice": head[:-1] + f', "kid": "{forger.key.kid}"}}',
        "a list": json.dumps([forger.header]), "a text": json.dumps("EdDSA"), "empty": "{}", "null": "null", "two objects": head + head, "a trailing comma": head[:-1] + ",}", "NaN": head[:-1] + ', "x": NaN}', "Alg": head.replace('"alg"', '"Alg"'),
    }.items():  # fmt: skip
        yield f"header: {title}", forger.sign(text, body)
    yield "a token within a token", forger.sign(json.dumps(forger.header | {"cty": "JWT"}), forger.forge())


def _unused_bit(token: str) -> str:
    """Return a token whose signature decodes to the same bytes in a reader that is not strict."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]


def _signed_with_unused_bit(forger: Forger) -> str:
    """Return a token that is signed over a payload in a form that is not the right one."""
    pad = next(x for x in ("", "x", "xx") if len(json.dumps(forger.claims | {"x": x})) % 3)
    signed = _unused_bit(forger.unsigned(None, json.dumps(forger.claims | {"x": pad})))
    assert forger.key.sign is not None
    return f"{signed}.{encode(forger.key.sign(signed.encode()))}"


def _service_token(forger: Forger) -> str:
    return ServiceTokens(private_key("EdDSA"), forger.issuer).issue(forger.audience)
