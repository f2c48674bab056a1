"""What a schema cannot say: why a request that the description allows may be refused all the same."""

import re

import schemathesis
from hypothesis import strategies as st

# Headers that are more than letters and digits.
schemathesis.openapi.format("entity-tag", st.from_regex(r"\A\"[1-9](-[1-9])?\"\Z"))
schemathesis.openapi.format("order-at-version", st.uuids().map(lambda uuid: f"{uuid}@1"))

# Code of the problem, and what its first field's message must be.
RULES = {
    # Who knows another version, order, product or cursor than there is.
    "order_not_found": "",
    "fulfilment_not_found": "",
    "version_not_found": "",
    "item_not_found": "",
    "product_not_found": "",
    "customer_not_found": "",
    "payment_not_found": "",
    "sku_not_found": "",
    "not_parked": "",
    "version_not_reached": "",
    "version_mismatch": "",
    "idempotency_key_reused": "",
    "invalid_cursor": "",
    # The rules of an order.
    "invalid_transition": "",
    "conflicting_price": "",
    "customer_retired": "",
    "product_retired": "",
    "unknown_product": "",
    "currency_mismatch": "",
    "amount_mismatch": "",
    # The rules of a stock.
    "stock_reserved": "",
    # A float has more digits than any amount, and each currency its own decimal places.
    "validation_failed": r"must have at most \d decimal places|must be a decimal number|at most 6 decimal places"
    r"|must not be more than|a line has at most|with what is there already"
    # What a pattern cannot say of a text: combinations of characters, and which of them nobody sees.
    r"|normalization form C|something that can be seen|characters long|a domain of the internet|octets",
    # Parameters that exclude or need each other.
    "malformed_parameter": r"is given with - in its place|is given alone|must not be before from|is required with correlation_id"
    r"|must have 3 letters or digits|must have at most 10 words",
}


@schemathesis.hook
def before_load_schema(_, schema):
    """The local stack asks nobody who he is: authorizers are API Gateway's."""
    del schema["security"]
    for path in schema["paths"].values():
        for operation in path.values():
            if isinstance(operation, dict):
                operation.pop("security", None)


@schemathesis.check
def accepted_unless_a_rule_says_otherwise(_, response, case):
    """A request that the description allows is accepted, or refused by one of RULES."""
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code < 400:
        return
    problem = response.json()
    messages = [error["message"] for error in problem.get("errors", [])]
    allowed = RULES.get(problem.get("code"))
    if allowed is None or (allowed and not re.search(allowed, " ".join(messages))):
        raise AssertionError(f"The description allows the request, but it is refused: {problem}")
