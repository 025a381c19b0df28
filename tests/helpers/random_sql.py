"""Random SELECTs over the table `orders` of `sql_queries`: values, aggregates and windows."""

from random import Random

NUMBERS = ["id", "price", "share", "2", "-3", "1.5", "0"]
TEXTS = ["sku", "'tea'", "''", "'a%b'"]
CONDITIONS = [
    "good",
    "price > 1",
    "sku IS NULL",
    "sku LIKE '%a%'",
    "day >= '2024-03-01'",
    "sku = NULL",
]
ORDERS = ["id", "price, id", "sku DESC, id", "price"]
FRAMES = [
    "",
    "ROWS BETWEEN 1 PRECEDING AND CURRENT ROW",
    "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING",
    "ROWS 2 PRECEDING",
]
NUMBER_FORMS = [
    "{n} {o} {n}", "({n} {o} {n})", "abs({n})", "coalesce({n}, {n})", "-({n})", "nullif({n}, {n})",
    "CASE WHEN {c} THEN {n} ELSE {n} END", "length({t})", "greatest({n}, {n})", "if({c}, {n}, 0)",
]  # fmt: skip
TEXT_FORMS = [
    "upper({t})", "{t} || {t}", "coalesce({t}, 'x')", "substr({t}, 2)", "trim({t})",
    "CASE WHEN {c} THEN {t} END", "replace({t}, 'a', 'e')",
]  # fmt: skip
CONDITION_FORMS = [
    "{c} AND {c}", "{c} OR {c}", "NOT {c}", "{n} < {n}", "{n} = {n}", "{n} <> {n}", "{t} = {t}",
    "{n} BETWEEN {n} AND {n}", "{n} IN ({n}, {n}, NULL)", "{n} IS NOT NULL", "({c}) IS NOT TRUE",
    "{t} IS DISTINCT FROM {t}", "{t} NOT LIKE 't%'", "NULL <> {n}",
]  # fmt: skip
KINDS = {"n": (NUMBERS, NUMBER_FORMS), "t": (TEXTS, TEXT_FORMS), "c": (CONDITIONS, CONDITION_FORMS)}


class RandomSql:
    """Writes SELECTs, the same for the same seed."""

    def __init__(self, seed):
        self.random = Random(seed)

    def part(self, kind, depth):
        """A number (n), a text (t) or a condition (c)."""
        leaves, forms = KINDS[kind]
        if depth == 0 or self.random.random() < 0.3:
            return self.random.choice(leaves)
        written = self.random.choice(forms)
        for name in "ntc":
            while "{" + name + "}" in written:
                written = written.replace("{" + name + "}", self.part(name, depth - 1), 1)
        return written.replace("{o}", self.random.choice("+-*/%"))

    def window(self):
        function = self.random.choice(
            ["count(1)", f"sum(price * {self.part('n', 1)})", "min(sku)", "max(share)", "count(*)"]
        )
        partition = self.random.choice(["", "PARTITION BY sku "])
        order, frame = self.random.choice(ORDERS), self.random.choice(FRAMES)
        return f"{function} OVER ({partition}ORDER BY {order} {frame})"

    def query(self):
        kind, where = self.random.random(), self.part("c", 2)
        n, t, c = (self.part(name, 3) for name in "ntc")
        if kind < 0.5:
            return f"SELECT id, {n} AS a, {t} AS b, {c} AS c FROM orders WHERE {where}"
        if kind < 0.8:
            by = self.random.choice(["sku", "good", n, t])
            return (
                f"SELECT {by} AS g, count(*) AS n, sum(price + {self.part('n', 1)}) AS s,"
                f" max(sku || {self.part('t', 1)}) AS m FROM orders GROUP BY 1 HAVING count(*) > 0"
            )
        return f"SELECT id, {self.window()} AS a, {self.window()} AS b FROM orders WHERE {where}"
