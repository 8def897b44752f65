"""The spool: what is in it, read from the files of Cyrus themselves, without a lock and without a write."""
