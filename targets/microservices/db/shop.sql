CREATE TABLE items (id int PRIMARY KEY, name text NOT NULL, cents int NOT NULL);

INSERT INTO items SELECT n, 'item ' || n, 100 * n FROM generate_series(1, 100) AS n;

CREATE TABLE orders (id text PRIMARY KEY, at timestamptz NOT NULL DEFAULT now());

CREATE TABLE payments (id text PRIMARY KEY, at timestamptz NOT NULL DEFAULT now());

CREATE TABLE outbox (id text PRIMARY KEY);

