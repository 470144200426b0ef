-- +goose Up
-- Times are unix microseconds and always parameters. Columns named sealed, and those whose
-- comment says sealed, hold what Box.Seal made. Ids are drawn with AUTOINCREMENT where they are an
-- order or stand in logs: the id of an erased row must not come back as another's.
--
-- There are no foreign keys: what is erased by person goes table by table, and what stays must not
-- stand in its way.

-- What the program keeps about itself. Workspace '' is the whole database.
CREATE TABLE setting (
    workspace  TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    value      BLOB    NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, name)
) WITHOUT ROWID;

-- When a door's secret was first loaded: the grace of rotation counts from here.
CREATE TABLE secret_seen (
    workspace  TEXT    NOT NULL,
    door       TEXT    NOT NULL,
    digest     TEXT    NOT NULL,
    first_seen INTEGER NOT NULL,
    PRIMARY KEY (workspace, door, digest)
) WITHOUT ROWID;

-- A neighbour's session, one a workspace. generation counts its renewals.
CREATE TABLE token (
    workspace  TEXT    NOT NULL,
    neighbour  TEXT    NOT NULL,
    sealed     BLOB    NOT NULL,
    generation INTEGER NOT NULL DEFAULT 0,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, neighbour)
);

-- A visit to a neighbour's sign-in page that has not come back. The state is kept as its hash: it
-- is a secret for as long as it can be used, which is once.
CREATE TABLE oauth_state (
    workspace  TEXT    NOT NULL,
    state_hash TEXT    NOT NULL,
    sealed     BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    used_at    INTEGER,
    PRIMARY KEY (workspace, state_hash)
);

-- A conversation. about is JSON of what is known of it and not searched for; version guards an update
-- that was decided on an older reading.
CREATE TABLE call (
    workspace    TEXT    NOT NULL,
    id           TEXT    NOT NULL,
    person       TEXT    NOT NULL DEFAULT '',
    playbook     TEXT    NOT NULL DEFAULT '',
    state        TEXT    NOT NULL,
    direction    TEXT    NOT NULL DEFAULT '',
    number       BLOB,             -- sealed
    about        TEXT    NOT NULL DEFAULT '{}',
    started_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    ended_at     INTEGER,
    ended_reason TEXT    NOT NULL DEFAULT '',
    version      INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (workspace, id)
);
CREATE INDEX call_person ON call (workspace, person, started_at);
-- Calls without an end: the few that are on the line, and those whose end was never told.
CREATE INDEX call_open ON call (workspace, updated_at) WHERE ended_at IS NULL;

-- The timeline of a call. key names what a sender may deliver twice; body is the message as received,
-- masked and sealed.
CREATE TABLE event (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace TEXT    NOT NULL,
    call      TEXT    NOT NULL,
    person    TEXT    NOT NULL DEFAULT '',
    at        INTEGER NOT NULL,
    type      TEXT    NOT NULL,
    key       TEXT,
    version   INTEGER NOT NULL DEFAULT 1,
    data      BLOB,                         -- sealed
    body      BLOB                          -- sealed: the masked body as received
);
CREATE UNIQUE INDEX event_key ON event (workspace, call, key) WHERE key IS NOT NULL;
CREATE INDEX event_call ON event (workspace, call, id);

-- An answer: the sentences that may be spoken, and the one that was.
CREATE TABLE answer (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace   TEXT    NOT NULL,
    call        TEXT    NOT NULL,
    ask         TEXT    NOT NULL,
    tool        TEXT    NOT NULL,
    repeat      TEXT    NOT NULL DEFAULT '',
    target      TEXT    NOT NULL DEFAULT '',
    person      TEXT    NOT NULL DEFAULT '',
    playbook    TEXT    NOT NULL DEFAULT '',
    deadline    INTEGER NOT NULL,
    sentences   BLOB,                         -- sealed JSON
    facts       BLOB,                         -- sealed JSON: what reads returned to this answer
    refs        TEXT    NOT NULL DEFAULT '{}',-- local name → intent id
    chosen      INTEGER,
    spoken      BLOB,                         -- sealed JSON: say and result as spoken
    failed      INTEGER NOT NULL DEFAULT 0,
    recorded_at INTEGER NOT NULL,
    spoken_at   INTEGER,
    alias_of    INTEGER,
    replaced_by INTEGER,
    UNIQUE (workspace, call, ask)
);
CREATE INDEX answer_target ON answer (workspace, call, tool, target, id) WHERE target <> '' AND alias_of IS NULL;
CREATE INDEX answer_repeat ON answer (workspace, call, repeat, id) WHERE repeat <> '' AND alias_of IS NULL;

-- open: 2 the engine works on it, 1 a person must, 0 settled. It follows from state and
-- exists so that partial indexes hold the open ones alone.
CREATE TABLE intent (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace     TEXT    NOT NULL,
    kind          TEXT    NOT NULL,
    key           TEXT    NOT NULL,
    answer        INTEGER,
    name          TEXT    NOT NULL DEFAULT '',
    subject       INTEGER NOT NULL,
    parent        TEXT    NOT NULL DEFAULT '',
    lane          TEXT    NOT NULL,
    body          BLOB,                       -- sealed
    before_image  BLOB,                       -- sealed
    state         TEXT    NOT NULL,
    open          INTEGER NOT NULL,
    due_at        INTEGER NOT NULL,
    not_before    INTEGER NOT NULL DEFAULT 0,
    expires_at    INTEGER NOT NULL DEFAULT 0, -- 0: never
    attempts      INTEGER NOT NULL DEFAULT 0,
    counted_tries INTEGER NOT NULL DEFAULT 0,
    looks         INTEGER NOT NULL DEFAULT 0, -- that found nothing, since the last try
    tried_at      INTEGER NOT NULL DEFAULT 0, -- when the last try (not look) began
    verdict       TEXT    NOT NULL DEFAULT '',
    blame         TEXT    NOT NULL DEFAULT '',
    effect        TEXT    NOT NULL DEFAULT '',
    facts         BLOB,                       -- sealed JSON: read back after the effect
    why           TEXT    NOT NULL DEFAULT '',
    hint          TEXT    NOT NULL DEFAULT '',
    fell_by       INTEGER NOT NULL DEFAULT 0, -- the need whose failure sent this to review
    merged_into   INTEGER NOT NULL DEFAULT 0,
    undoes        INTEGER NOT NULL DEFAULT 0,
    cause_call    TEXT    NOT NULL DEFAULT '',
    cause_ask     TEXT    NOT NULL DEFAULT '',
    cause_rule    TEXT    NOT NULL DEFAULT '',
    cause_words   BLOB,                       -- sealed
    person        TEXT    NOT NULL DEFAULT '',
    playbook      TEXT    NOT NULL DEFAULT '',
    recorded_at   INTEGER NOT NULL,
    settled_at    INTEGER NOT NULL DEFAULT 0,
    UNIQUE (workspace, kind, key)
);
-- The first four hold what is open alone, and stay as small as the work: a queue is read at every attempt.
CREATE INDEX intent_queue ON intent (subject, id) WHERE open = 2;
CREATE INDEX intent_open ON intent (workspace, state, id) WHERE open > 0;
CREATE INDEX intent_trying ON intent (workspace, parent) WHERE state = 'trying';
CREATE INDEX intent_settling ON intent (workspace, cause_call) WHERE state = 'settling';
CREATE INDEX intent_merged ON intent (merged_into) WHERE merged_into > 0;
CREATE INDEX intent_call ON intent (workspace, cause_call, id) WHERE cause_call <> '';
CREATE INDEX intent_subject ON intent (subject, id);
-- What is a person's is found by their calls (call_person); only what no call caused needs an index of its own.
-- A hash is a leaf at random, and there would be one in each answer, event and intent.
CREATE INDEX intent_person ON intent (workspace, person) WHERE person <> '' AND cause_call = '';

-- An intent that waits for an earlier one. needs < intent always, so that there are no rings; name is
-- the one that the draft gave it, and empty for what was promised before.
CREATE TABLE need (
    workspace TEXT    NOT NULL,
    intent    INTEGER NOT NULL,
    name      TEXT    NOT NULL DEFAULT '',
    needs     INTEGER NOT NULL,
    PRIMARY KEY (workspace, intent, needs)
) WITHOUT ROWID;
CREATE INDEX need_needs ON need (workspace, needs);

-- The history of an intent. number is its fence: an outcome counts only for the number being tried.
-- ended_at stays empty if the process died meanwhile.
CREATE TABLE attempt (
    workspace  TEXT    NOT NULL,
    intent     INTEGER NOT NULL,
    number     INTEGER NOT NULL,
    action     TEXT    NOT NULL, -- do, look
    started_at INTEGER NOT NULL,
    ended_at   INTEGER,
    verdict    TEXT    NOT NULL DEFAULT '',
    why        TEXT    NOT NULL DEFAULT '',
    PRIMARY KEY (workspace, intent, number)
) WITHOUT ROWID;

-- A record outside, whose intents run in order. ref is the vendor's id once it is known. joined_into
-- is set when it proved to be the same record as another: its rows went there.
CREATE TABLE subject (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace   TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    ref         TEXT    NOT NULL DEFAULT '',
    parent      TEXT    NOT NULL DEFAULT '',
    joined_into INTEGER,
    created_at  INTEGER NOT NULL
);

-- Every name a subject is known by: our own keys and the vendor's id.
CREATE TABLE subject_key (
    workspace TEXT    NOT NULL,
    kind      TEXT    NOT NULL,
    key       TEXT    NOT NULL,
    subject   INTEGER NOT NULL,
    PRIMARY KEY (workspace, kind, key)
) WITHOUT ROWID;
CREATE INDEX subject_key_subject ON subject_key (subject);

-- Holds a name for a window, so that the second ask for the same thing finds the first. until 0: for
-- good. A row that has run out is overwritten, not removed.
CREATE TABLE claim (
    workspace TEXT    NOT NULL,
    name      TEXT    NOT NULL,
    key       TEXT    NOT NULL,
    intent    INTEGER NOT NULL,
    until     INTEGER NOT NULL,
    PRIMARY KEY (workspace, name, key)
) WITHOUT ROWID;

-- A lane that stands still: kept so that a restart does not run into the same limit again.
CREATE TABLE lane (
    workspace    TEXT    NOT NULL,
    lane         TEXT    NOT NULL,
    parked_until INTEGER NOT NULL,
    why          TEXT    NOT NULL DEFAULT '',
    PRIMARY KEY (workspace, lane)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE lane;
DROP TABLE claim;
DROP TABLE subject_key;
DROP TABLE subject;
DROP TABLE attempt;
DROP TABLE need;
DROP TABLE intent;
DROP TABLE answer;
DROP TABLE event;
DROP TABLE call;
DROP TABLE oauth_state;
DROP TABLE token;
DROP TABLE secret_seen;
DROP TABLE setting;
