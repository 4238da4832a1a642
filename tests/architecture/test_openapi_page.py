"""What the documents say about the API is what the routes say."""

from tools import openapi


def test_the_description_in_the_documents_is_the_one_that_is_served():
    said = openapi.DESCRIPTION.read_text("utf-8")
    assert said == openapi.description(), "run `make docs` and commit what it writes"


def test_the_page_of_operations_lists_what_is_served():
    said = openapi.OPERATIONS.read_text("utf-8")
    assert said == openapi.operations(), "run `make docs` and commit what it writes"
