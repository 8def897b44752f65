"""An operations console for Cyrus IMAP with Cyrus SASL and OpenLDAP behind it."""

__version__ = "0.1.0"
