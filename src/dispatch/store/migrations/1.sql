-- State of each run, with the columns that `status` shows: it must not read 100,000 specs.
CREATE TABLE runs (
    id         TEXT PRIMARY KEY,
    place      INTEGER,              -- index in the plan; null if it is not in the plan any more
    arm        TEXT NOT NULL,
    size       TEXT NOT NULL,
    seed       INTEGER NOT NULL,
    budget     REAL NOT NULL,
    budget_kind TEXT NOT NULL,
    lr_factor  REAL,
    state      TEXT NOT NULL,        -- the name of the state
    record     TEXT,                 -- the record as JSON; null before the first attempt
    fence      INTEGER,              -- the attempt that has the lease
    loss_val   REAL,                 -- nats/token, of a run that is done
    changed_at INTEGER NOT NULL      -- seconds since 1970, for people
) STRICT, WITHOUT ROWID;
CREATE INDEX runs_by_state ON runs (state);

-- One row per attempt. AUTOINCREMENT: a fencing token is never used twice.
CREATE TABLE attempts (
    fence      INTEGER PRIMARY KEY AUTOINCREMENT,
    run        TEXT NOT NULL,
    number     INTEGER NOT NULL,
    slot       INTEGER NOT NULL,
    claimed_at INTEGER NOT NULL,
    ended_at   INTEGER,
    failure    TEXT,                 -- its class; null if it delivered the outcome
    message    TEXT
) STRICT;
CREATE INDEX attempts_by_run ON attempts (run, number);

-- Requests of other commands to the coordinator.
CREATE TABLE requests (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    kind       TEXT NOT NULL,        -- cancel | retry
    run        TEXT NOT NULL,
    made_at    INTEGER NOT NULL,
    answer     TEXT                  -- null until it is carried out
) STRICT;

-- Identity of this store, part of every fencing token: tokens of a lost store are invalid.
CREATE TABLE origin (id TEXT NOT NULL) STRICT;
INSERT INTO origin VALUES (lower(hex(randomblob(8))));
