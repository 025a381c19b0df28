"""Models of the shop, in Python and in SQL, each on a few rows."""

from decimal import Decimal

from models.marts.daily import daily_items

from models.silver import fct_order_items

ORDER = {"order_id": "o1", "placed_at": "2024-03-15T10:00:00Z"}


def test_an_order_has_a_row_per_item(run_model):
    items = [{"sku": "tea", "quantity": 1}, {"sku": "cup", "quantity": 2}]
    rows = run_model(fct_order_items, orders=[{**ORDER, "items": items}])
    assert [(row["sku"], row["quantity"]) for row in rows] == [("cup", 2), ("tea", 1)]


def test_an_order_is_worth_its_items(run_model):
    rows = run_model(
        "silver.fct_order_values",
        stg_orders=[{**ORDER, "customer_id": "1"}],
        fct_order_items=[
            {**ORDER, "sku": "tea", "quantity": 2},
            {**ORDER, "sku": "cup", "quantity": 1},
        ],
        prices=[{"sku": "tea", "price": "3.50"}, {"sku": "cup", "price": "9.00"}],
    )
    assert [row["value_eur"] for row in rows] == [Decimal("16.00")]


def test_days_can_be_built_one_by_one(assert_incremental):
    assert_incremental(daily_items)


def test_a_table_made_from_a_list_can_be_built_by_days(assert_incremental):
    assert_incremental("sales_of_tea")
