"""Where imapd.conf puts things: partitions, the directories of a mailbox, quota, seen and sieve files.

Sources: imapd.conf(5); mboxname_hash, mboxname_id_hash, mboxname_metapath in imap/mboxname.c; dir_hash_c in
lib/util.c; imap/quota_db.c. Names are internal ones: `.` between levels, `domain!` before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from cyrtui.config.imapd_conf import ImapdConf

LayoutKind = Literal["uuid", "hashed"]
"""`uuid`: by unique id (3.6 and later); `hashed`: by name, with hash directories or without (2.x to 3.4)."""

MetaFile = Literal[
    "header", "index", "cache", "expunge", "squat", "annotations", "lock", "dav", "archivecache"
]

META_FILES: Final[Mapping[MetaFile, str]] = {
    "header": "cyrus.header",
    "index": "cyrus.index",
    "cache": "cyrus.cache",
    "expunge": "cyrus.expunge",
    "squat": "cyrus.squat",
    "annotations": "cyrus.annotations",
    "lock": "cyrus.lock",
    "dav": "cyrus.dav",
    "archivecache": "cyrus.cache",
}
STAGE: Final = "stage."
UUID: Final = "uuid"
DOMAIN: Final = "domain"


class Partition(NamedTuple):
    """One partition. `directory` holds the messages, `archive` those that were archived.

    `meta` has the directory of each kind of file that is not kept beside the messages.
    """

    name: str
    directory: str
    archive: str | None
    meta: Mapping[MetaFile, str]

    def root(self, kind: MetaFile) -> str:
        """The directory below which this kind of file is kept."""
        return self.meta.get(kind, self.directory)

    @property
    def roots(self) -> tuple[str, ...]:
        """Every directory of the partition, once."""
        found = (self.directory, self.archive, *self.meta.values())
        return tuple(dict.fromkeys(one for one in found if one))


class SpoolLayout(NamedTuple):
    """What imapd.conf says of places and names. Directories are absolute paths without a `/` at the end."""

    partitions: Mapping[str, Partition]
    default: str | None
    configdirectory: str | None
    sievedir: str | None
    hashed: bool
    full_hash: bool
    domains: bool
    default_domain: str | None
    altnamespace: bool
    unixhierarchysep: bool
    user_prefix: str
    shared_prefix: str
    deleted_prefix: str
    mailboxes_db: str | None
    quotas_db: str | None
    """quotas.db, where quota_db keeps the roots in one database; None: a file each."""

    @property
    def separator(self) -> str:
        """What people write between two levels of a name."""
        return "/" if self.unixhierarchysep else "."


def layout_of(conf: ImapdConf, *, modern_names: bool) -> SpoolLayout:
    """The layout that an imapd.conf asks for.

    `modern_names`: altnamespace and unixhierarchysep are on where the file is silent, as from 3.0 on.
    """
    configdirectory = _path(conf.value("configdirectory"))
    archives = conf.partitions("archivepartition")
    metas = conf.partitions("metapartition")
    moved = (conf.value("metapartition_files") or "").split()
    partitions: dict[str, Partition] = {}
    for name, directory in conf.partitions().items():
        meta: dict[MetaFile, str] = {}
        for kind in META_FILES:
            own = conf.value(f"metadir-{kind}-{name}")
            if own or (kind in moved and name in metas):
                meta[kind] = _path(own or metas[name]) or "/"
        partitions[name] = Partition(name, _path(directory) or "/", _path(archives.get(name)), meta)
    default = conf.value("defaultpartition")
    quota_db = conf.value("quota_db") or "quotalegacy"
    return SpoolLayout(
        partitions=partitions,
        default=(default or "default").lower() if default or "default" in partitions else None,
        configdirectory=configdirectory,
        sievedir=None
        if conf.switch("sieveusehomedir", default=False)
        else _path(conf.value("sievedir") or "/usr/sieve"),
        hashed=conf.switch("hashimapspool", default=False),
        full_hash=conf.switch("fulldirhash", default=False),
        domains=_domains(conf.value("virtdomains")),
        default_domain=conf.value("defaultdomain"),
        altnamespace=conf.switch("altnamespace", default=modern_names),
        unixhierarchysep=conf.switch("unixhierarchysep", default=modern_names),
        user_prefix=conf.value("userprefix") or "Other Users",
        shared_prefix=conf.value("sharedprefix") or "Shared Folders",
        deleted_prefix=conf.value("deletedprefix") or "DELETED",
        mailboxes_db=_path(conf.value("mboxlist_db_path")) or _below(configdirectory, "mailboxes.db"),
        quotas_db=None
        if quota_db.lower() == "quotalegacy"
        else _path(conf.value("quota_db_path")) or _below(configdirectory, "quotas.db"),
    )


def _domains(value: str | None) -> bool:
    """An enumeration that takes the words of a switch too: off, userid, on."""
    return (value or "off").lower() not in ("off", "no", "f", "false", "n", "0")


def _path(value: str | None) -> str | None:
    return (value.rstrip("/") or "/") if value else None


def _below(directory: str | None, name: str) -> str | None:
    return f"{directory}/{name}" if directory else None


# --- hash directories -----------------------------------------------------------------------------


def hash_directory(name: str, *, full: bool) -> str:
    """The hash directory of a component: its first letter (`q` where it has none), or A to W with `full`."""
    data = name.encode("utf-8", "surrogateescape")
    if not full:
        first = data[:1].lower()
        return first.decode("ascii") if first.isalpha() else "q"
    number = 0
    for byte in data.partition(b".")[0]:
        number = ((number << 3) ^ (number >> 5)) & 0xFFFFFFFF ^ byte
    return chr(ord("A") + number % 23)


def hashed_component(name: str) -> str:
    """What of a name (without its domain) is hashed: the second component, or the only one."""
    return name.partition(".")[2] or name


def split_domain(name: str) -> tuple[str | None, str]:
    """(`example.net`, `user.bob`) of `example.net!user.bob`; the domain is None where there is none."""
    domain, mark, rest = name.partition("!")
    return (domain, rest) if mark else (None, name)


# --- names to places ------------------------------------------------------------------------------


def named_directory(layout: SpoolLayout, root: str, name: str) -> str:
    """The directory below `root` of a mailbox that is kept by its name.

    Raises `ValueError` for a name that no directory can have: with an empty level, `..` or a slash.
    """
    domain, rest = split_domain(name) if layout.domains else (None, name)
    levels = rest.split(".")
    if "/" in name or "\0" in name or not all(levels) or domain in ("", ".", ".."):
        raise ValueError("no mailbox can have such a name")
    place = "" if root == "/" else root
    if domain is not None:
        place += f"/{DOMAIN}"
        if layout.hashed:
            place += f"/{hash_directory(domain, full=layout.full_hash)}"
        place += f"/{domain}"
    if layout.hashed:
        place += f"/{hash_directory(hashed_component(rest), full=layout.full_hash)}"
    return f"{place}/{'/'.join(levels)}"


def id_directory(root: str, uniqueid: str) -> str:
    """The directory below `root` of a mailbox kept by its unique id. Raises `ValueError` for no id."""
    if not is_unique_id(uniqueid):
        raise ValueError("no unique id")
    return f"{'' if root == '/' else root}/{UUID}/{uniqueid[0]}/{uniqueid[1]}/{uniqueid}"


def is_unique_id(text: str) -> bool:
    """Whether it may be one: ids of every version are letters, digits and dashes, never a path."""
    return len(text) > 1 and text.replace("-", "").isalnum() and text.isascii()


def name_of(layout: SpoolLayout, below: str) -> str | None:
    """The name of the mailbox that a directory is for, `below` being its path from a partition's root on.

    None: Cyrus looks for no mailbox there, by this imapd.conf.
    """
    parts = below.strip("/").split("/")
    domain = None
    if layout.domains and parts[0] == DOMAIN:
        parts = parts[1:]
        if layout.hashed:
            parts = parts[1:]
        if len(parts) < 2:
            return None
        domain, parts = parts[0], parts[1:]
    if layout.hashed:
        parts = parts[1:]
    # a level with a dot in it would be two
    if not parts or not all(parts) or any("." in part for part in parts):
        return None
    name = ".".join(parts) if domain is None else f"{domain}!{'.'.join(parts)}"
    try:
        return name if named_directory(layout, "", name) == "/" + below.strip("/") else None
    except ValueError:
        return None


# --- the configdirectory --------------------------------------------------------------------------


def quota_path(layout: SpoolLayout, root: str) -> str | None:
    """The file of a quota root; None where it has none. `example.net!` is the root of a whole domain."""
    if layout.configdirectory is None or "/" in root or "\0" in root:
        return None
    domain, rest = split_domain(root) if layout.domains else (None, root)
    place = layout.configdirectory
    if domain is not None:
        place += f"/{DOMAIN}/{hash_directory(domain, full=layout.full_hash)}/{domain}"
        if not rest:
            return f"{place}/quota/root"
    return f"{place}/quota/{hash_directory(hashed_component(rest), full=layout.full_hash)}/{rest}"


def quota_roots_above(name: str, *, domains: bool) -> tuple[str, ...]:
    """The roots that a mailbox may stand under, the nearest first: itself, each level above, its domain."""
    domain, rest = split_domain(name) if domains else (None, name)
    levels = rest.split(".")
    before = "" if domain is None else f"{domain}!"
    found = [before + ".".join(levels[:count]) for count in range(len(levels), 0, -1)]
    return (*found, before) if before else tuple(found)


def owner_of(name: str, *, domains: bool) -> str | None:
    """The internal name of the INBOX above a user's mailbox (`example.net!user.bob`); None: nobody's."""
    domain, rest = split_domain(name) if domains else (None, name)
    levels = rest.split(".")
    if levels[0] != "user" or len(levels) < 2:
        return None
    return f"{'' if domain is None else domain + '!'}user.{levels[1]}"


def user_file(layout: SpoolLayout, inbox: str, uniqueid: str | None, kind: str) -> tuple[str, ...]:
    """Where the file of a user (`kind`: seen, sub, ...) may be, the likelier place first.

    `inbox` is the internal name of his INBOX, `uniqueid` its unique id where it is known.
    """
    if layout.configdirectory is None:
        return ()
    found = []
    if uniqueid is not None and is_unique_id(uniqueid):
        found.append(f"{id_directory(layout.configdirectory + '/user', uniqueid)}/{kind}.db")
    hashed = _hashed(layout, layout.configdirectory, "user/", inbox)
    if hashed is not None:
        found.append(f"{hashed}.{kind}")
    return tuple(found)


def _hashed(layout: SpoolLayout, root: str, below: str, inbox: str) -> str | None:
    """Where something of a user stands by his name, below `root`; None for a name that no path can hold."""
    domain, rest = split_domain(inbox) if layout.domains else (None, inbox)
    user = rest.removeprefix("user.")
    if "/" in inbox or user in ("", ".", "..") or domain in ("", ".", ".."):
        return None
    if domain is not None:
        root += f"/{DOMAIN}/{hash_directory(domain, full=layout.full_hash)}/{domain}"
    return f"{root}/{below}{hash_directory(user, full=layout.full_hash)}/{user}"


def sieve_directories(layout: SpoolLayout, inbox: str, uniqueid: str | None) -> tuple[str, ...]:
    """Where the sieve scripts of a user may be, the likelier place first."""
    if layout.sievedir is None:
        return ()
    found = []
    if uniqueid is not None and is_unique_id(uniqueid):
        found.append(id_directory(layout.sievedir, uniqueid))
    hashed = _hashed(layout, layout.sievedir, "", inbox)
    if hashed is not None:
        found.append(hashed)
    return tuple(found)
