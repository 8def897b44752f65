"""A real mail server for the tests: rsyslog, slapd and cyrus-imapd in namespaces of their own."""

from tests.lab.errors import LabError
from tests.lab.stack import Lab, LabOptions

__all__ = ["Lab", "LabError", "LabOptions"]
