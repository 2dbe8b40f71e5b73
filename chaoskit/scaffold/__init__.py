"""A first target and first experiments for anybody's Compose file: `chaoskit init`.

    compose.yaml ─▶ Survey ─▶ Ideas ─▶ files
            survey        think    write

Every arrow is a pure function but for the last one, which never overwrites. What is guessed is said
where it was guessed, in the file that the reader will change.
"""
