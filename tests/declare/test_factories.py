"""Models that are made in a loop, from data."""

import pytest
from shop import MARTS, SHOP, answer_to_compiling, compiled, forget, problems, write
from shop import Mistake as _Mistake

FACTORY = '''
from lakehouse import Table, model

ARTICLES = {"tea": 1, "cup": 2}


def of_article(sku, least):
    @model(name=f"sales_of_{sku}", kind=Table(), tags=["made"])
    def sales_of(lines):
        """Sales of one article."""
        return lines.filter(lines.sku == sku, lines.price >= least).select("id", "price")

    return sales_of

'''
LOOPS = {
    "a list": "MADE = [of_article(*each) for each in ARTICLES.items()]",
    "a dict": "MADE = {sku: of_article(sku, least) for sku, least in ARTICLES.items()}",
    "globals": "for sku, least in ARTICLES.items():\n    globals()[sku] = of_article(sku, least)",
}


@pytest.fixture(autouse=True)
def _shops_are_forgotten():
    yield
    forget()


@pytest.mark.long
@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
def test_each_is_a_model_with_a_fingerprint_of_its_own(loop, tmp_path):
    write(tmp_path, {**SHOP, "tables/gold.py": FACTORY + loop})
    found = compiled(tmp_path)
    made = {name: model for name, model in found.models.items() if "made" in model.spec.tags}
    assert [model.spec.table for model in made.values()] == [
        "gold.sales_of_tea",
        "gold.sales_of_cup",
    ]
    assert "'tea'" in made["sales_of_tea"].statement.sql
    assert "'cup'" in made["sales_of_cup"].statement.sql
    assert len({model.fingerprint for model in made.values()}) == 2


def test_a_factory_may_lie_in_another_module_and_its_models_are_read_by_name(tmp_path):
    files = {
        "tables/factories.py": FACTORY,
        "tables/gold.py": f"from tables.factories import *\n{LOOPS['a list']}",
        "tables/a_reader.py": "from tables.gold import MADE\nfrom tables.silver import lines",
        "tables/gold_more.py": (
            "from lakehouse import model\n\n\n@model()\ndef both(sales_of_tea, sales_of_cup):\n    return sales_of_tea.union(sales_of_cup)\n"
        ),
    }
    write(tmp_path, {**SHOP, **files})
    project = compiled(tmp_path).project
    assert project.models["sales_of_tea"].table == "gold.sales_of_tea"
    assert project.models["both"].inputs == ("sales_of_tea", "sales_of_cup")


MISTAKES = {
    "one name twice": (
        FACTORY.replace("of_{sku}", "of_all") + LOOPS["a list"],
        "sales_of",
        "shares the name 'sales_of_all'",
    ),
    "no name": (
        FACTORY.replace('name=f"sales_of_{sku}", ', "") + LOOPS["a list"],
        "sales_of",
        "shares the name 'sales_of'",
    ),
    "a name that is none": (FACTORY.replace("sales_of_{sku}", "Sales-{sku}") + LOOPS["a list"], "sales_of", "snake case"),
    "a function in a loop": (
        "from lakehouse import model\n\nfor sku in ('tea', 'cup'):\n    @model(name=f'of_{sku}')\n    def of_sku(lines):\n        return lines.filter(lines.sku == sku)\n",
        "of_sku",
        "defined in a loop",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "function", "told"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_with_its_place_and_a_cure(text, function, told, tmp_path):
    mistake = _Mistake("", "tables/gold.py", "", text, function, told)
    answer = answer_to_compiling(mistake, tmp_path)
    assert not [*problems(mistake, answer)], answer


def test_a_module_in_a_folder_of_a_schema_may_have_any_name(tmp_path):
    files = {name: text for name, text in SHOP.items() if name != MARTS}
    write(tmp_path, {**files, "tables/marts/sales.py": SHOP[MARTS]})
    assert compiled(tmp_path).project.models["best"].table == "marts.best"
