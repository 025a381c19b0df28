"""The past of tables: why a row is as it is, how commits differ, rollback and merge after review.

Records of runs are written in `records`; what a run does is decided in `plan`.
"""
