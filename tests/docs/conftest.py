"""The browser of the site's tests."""

from tests.leaderboard.pages.test_browser import browser  # noqa: F401 - the fixture
