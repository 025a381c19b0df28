"""The past: why a row is as it is, how commits differ; and commands that move main or Postgres.

The commands are merge after review, rollback and publishing again; a run moves main in `run`.
Records of runs are written in `records`; what a run does is decided in `plan`.
"""
