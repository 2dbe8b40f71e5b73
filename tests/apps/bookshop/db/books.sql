CREATE TABLE books (title text PRIMARY KEY);

INSERT INTO books VALUES ('Release It!'), ('Site Reliability Engineering'), ('Normal Accidents');
