-- The host keys of jump hosts that were accepted, by the name of the jump host in the settings.
CREATE TABLE jump_host_keys (
    repository TEXT NOT NULL,
    name TEXT NOT NULL,
    host_key TEXT NOT NULL,
    PRIMARY KEY (repository, name)
);
