-- A state file of schema version 1, as slipway wrote it. Never edit: a later
-- version must read it.
PRAGMA journal_mode = WAL;
CREATE TABLE rows (
		tbl TEXT NOT NULL, account TEXT NOT NULL, region TEXT NOT NULL, key TEXT NOT NULL,
		value TEXT NOT NULL,
		PRIMARY KEY (tbl, account, region, key)
	) WITHOUT ROWID;
PRAGMA user_version = 1;
PRAGMA application_id = 1397510231;
INSERT INTO rows VALUES ('test.pet', '000000000000', 'eu-west-1', 'rex', '{"Name":"rex","Kind":"dog","Age":3}');
INSERT INTO rows VALUES ('test.pet', '000000000000', 'us-east-1', 'rex', '{"Name":"rex","Kind":"cat","Age":9}');
INSERT INTO rows VALUES ('test.toy', '000000000000', 'eu-west-1', 'ball', '{"Name":"ball","Kind":"","Age":0}');
