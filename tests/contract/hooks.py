"""What schemathesis cannot know of the shop from a description of single requests. Each hook says why."""

import itertools
import json
import re

import schemathesis

CONDITIONS = ("If-Match", "If-None-Match", "If-Unmodified-Since")
# One request in so many keeps its conditions.
CONDITIONAL = 4

KEY = "Idempotency-Key"
VISIBLE = re.compile(r"[!-~]([ -~]*[!-~])?")
LONGEST = 255

JSON_PATCH = "application/json-patch+json"

numbers = itertools.count(1)


@schemathesis.hook
def before_call(context, case, kwargs):
    """A key stands for one request: its client makes a new one for each, and the same for another request is answered 422.
    Random conditions hardly ever hold, and behind the 412 that follows nothing of an operation would be seen."""
    number = next(numbers)
    if number % CONDITIONAL:
        for name in CONDITIONS:
            (case.headers or {}).pop(name, None)
    key = (case.headers or {}).get(KEY)
    if isinstance(key, str) and len(key) <= LONGEST and VISIBLE.fullmatch(key):
        # Behind the first character, which may be a quote, as the last one may be.
        case.headers[KEY] = f"{key[0]}{number}.{key[1:]}"[:LONGEST].rstrip()


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """A JSON Patch that is well formed need not fit the item: RFC 5789 §2.2 has 422 for it, which no schema of a patch can foresee.
    Its values may be any, and so may be whole numbers that 64 bits do not hold, which are refused by that name."""
    is_refused_patch = failure.code == "ST202" and case.media_type == JSON_PATCH
    if not is_refused_patch:
        return True
    if response.status_code == 422:
        return False
    return not (response.status_code == 400 and "64 bits" in json.loads(response.content)["detail"])
