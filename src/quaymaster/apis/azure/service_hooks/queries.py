"""What a SubscriptionsQuery asks for: publisher, event, consumer, and filters of their inputs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from quaymaster.apis.azure.asked import array_in, object_in, text_in
from quaymaster.apis.azure.values import bool_in
from quaymaster.apis.azure.words import Words
from quaymaster.apis.shared import json_reading

NAMED = ("publisherId", "eventType", "consumerId", "consumerActionId", "subscriberId")
FILTERED = {"publisherInputFilters": "publisherInputs", "consumerInputFilters": "consumerInputs"}
KNOWN = (*NAMED, *FILTERED)
OPERATOR = Words("InputFilterOperator", {"equals": 0, "notEquals": 1})
CONDITION = ("inputId", "inputValue", "operator", "caseSensitive")


@dataclass(frozen=True, slots=True)
class Condition:
    """What one input must be, or must not be; one that a subscription does not have is empty."""

    input: str
    value: str
    is_equal: bool
    is_exact: bool

    def holds(self, inputs: Mapping[str, str]) -> bool:
        given, wanted = inputs.get(self.input, ""), self.value
        if not self.is_exact:
            given, wanted = given.casefold(), wanted.casefold()
        return (given == wanted) is self.is_equal


@dataclass(frozen=True, slots=True)
class SubscriptionsQuery:
    """Which subscriptions are wanted; an empty part asks for all of them.

    Of several filters of the same inputs one must match, and of it every condition.
    """

    named: Mapping[str, str]
    filters: Mapping[str, tuple[tuple[Condition, ...], ...]]

    def matches(self, shown: Mapping[str, Any]) -> bool:
        """Whether a subscription, as it is shown, is one of them."""
        return all(
            str(shown.get(name) or "").casefold() == said.casefold()
            for name, said in self.named.items()
            if said
        ) and all(
            not wanted or any(all(one.holds(shown[inputs]) for one in group) for group in wanted)
            for inputs, wanted in self.filters.items()
        )


def query_in(body: Mapping[str, Any]) -> SubscriptionsQuery:
    """What a body asks for. Raises Problem for filters that cannot be read."""
    return SubscriptionsQuery(
        {name: text_in(body.get(name), name) for name in NAMED},
        {
            inputs: tuple(_filter(entry, name) for entry in array_in(body.get(name), name))
            for name, inputs in FILTERED.items()
        },
    )


def _filter(entry: Any, where: str) -> tuple[Condition, ...]:
    given = json_reading.cased(dict(object_in(entry, where)), ("conditions",))
    conditions = array_in(given.get("conditions"), f"{where}.conditions")
    return tuple(_condition(one, f"{where}.conditions") for one in conditions)


def _condition(entry: Any, where: str) -> Condition:
    given = json_reading.cased(dict(object_in(entry, where)), CONDITION)
    operator = OPERATOR.read(given.get("operator") or "equals", f"{where}.operator")
    return Condition(
        text_in(given.get("inputId"), f"{where}.inputId"),
        text_in(given.get("inputValue"), f"{where}.inputValue"),
        operator == "equals",
        bool_in(given.get("caseSensitive") or False, f"{where}.caseSensitive"),
    )
