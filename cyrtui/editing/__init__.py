"""Editing cyrus.conf and imapd.conf: what the Config screen shows and does, without the glass."""
