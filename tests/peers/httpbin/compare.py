"""Compares what two runs of a suite came to: direct, and behind Everlit. Every test has to have the same outcome.

    compare.py DIRECT.json BEHIND.json LEAST

LEAST is how many requests have to have gone through Everlit at least. A difference is allowed only with its reason below, and a
reason whose difference is gone is an error too.
"""

import json
import sys
from pathlib import Path

REQUESTS = "tests/test_requests.py::TestRequests::"
HTTPBIN = "tests/test_httpbin.py::HttpbinTestCase::"

ALLOWED = {
    REQUESTS + "test_request_with_bytestring_host": "asks for another host, which is refused",
    REQUESTS + "test_proxy_authorization_preserved_on_request": "Proxy-Authorization is for the next hop, and that is Everlit",
    HTTPBIN + "test_headers": "asks for another host, which is refused",
    HTTPBIN + "test_headers_show_env": "asks for another host, which is refused",
    HTTPBIN + "test_x_forwarded_proto": "who asks may not say that it is over TLS",
    HTTPBIN + "test_methods__to_status_endpoint": "TRACE is answered by Everlit, with 405",
    HTTPBIN + "test_base64": "a text that is called text/html gets the script as any page",
}


def main(direct_file, behind_file, least):
    direct, behind = (json.load(open(name)) for name in (direct_file, behind_file))
    faults = []
    for test in sorted(direct["outcomes"].keys() | behind["outcomes"].keys()):
        pair = direct["outcomes"].get(test, "not run"), behind["outcomes"].get(test, "not run")
        if pair[0] != pair[1] and test not in ALLOWED:
            faults.append(f"{test}: {pair[0]} direct, {pair[1]} behind Everlit")
        elif pair[0] == pair[1] and test in ALLOWED:
            faults.append(f"{test}: is the same now, but has a reason to differ: {ALLOWED[test]}")
    if behind["through"] < int(least):
        faults.append(f"only {behind['through']} requests went through Everlit, not {least}")
    if behind["around"] or direct["through"]:
        faults.append(f"{behind['around']} requests went around Everlit, {direct['through']} through it that should not")
    for fault in faults:
        print(fault)
    different = len(behind["outcomes"].keys() & ALLOWED.keys())
    passed = list(behind["outcomes"].values()).count("passed")
    suite = Path(behind_file).name.split(".")[0]
    print(f"{suite}: {len(behind['outcomes'])} tests, {passed} passed behind Everlit, {different} differ with a reason")
    return 1 if faults or not passed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
