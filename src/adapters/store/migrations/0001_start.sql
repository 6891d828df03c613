-- What must survive a restart. Plain SQL that SQLite and PostgreSQL read alike: JSON and ids as TEXT, times as
-- milliseconds since the epoch, order by numbers that the writer counts.

-- The events of a run, append-only and without gaps; its state is a fold of them.
CREATE TABLE run_events (
    run TEXT NOT NULL,
    seq BIGINT NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (run, seq)
);
CREATE INDEX run_events_first ON run_events (run) WHERE seq = 0;

-- Plans never change.
CREATE TABLE plans (
    id TEXT NOT NULL PRIMARY KEY,
    position BIGINT NOT NULL UNIQUE,
    plan TEXT NOT NULL
);

CREATE TABLE repository_status (
    repository TEXT NOT NULL PRIMARY KEY,
    status TEXT NOT NULL
);

-- What was about to be done on a device, written before it is done.
CREATE TABLE journal (
    run TEXT NOT NULL,
    position BIGINT NOT NULL,
    device TEXT NOT NULL,
    step TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (run, position)
);

CREATE TABLE device_facts (
    repository TEXT NOT NULL,
    device TEXT NOT NULL,
    running_digest TEXT,
    fetched_at_ms BIGINT,
    host_key TEXT,
    condition TEXT,
    PRIMARY KEY (repository, device)
);

-- Configurations by their SHA-256; `sealed` is a nonce and AES-256-GCM, bound to the digest.
CREATE TABLE snapshots (
    digest TEXT NOT NULL PRIMARY KEY,
    sealed BYTEA NOT NULL
);

-- A known word under the key, so that a wrong key is noticed at once.
CREATE TABLE key_check (
    id BIGINT NOT NULL PRIMARY KEY,
    sealed BYTEA NOT NULL
);

-- Who may write; `generation` grows with every grant and fences the one before.
CREATE TABLE leases (
    name TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    generation BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL
);
