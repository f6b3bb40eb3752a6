"""Small experiments that end in a table and a picture, one file each; `STUDY` in it is what `odes-rl study` runs."""
