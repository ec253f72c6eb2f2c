import pytest
from hypothesis import given
from hypothesis import strategies as st

from decant.db.tables import owner_of_table, tables_in


@pytest.mark.parametrize(
    ("statement", "tables"),
    [
        ("SELECT * FROM cart_item", "cart_item"),
        ("select c.x from cart_item as c where c.y = 'FROM books_book'", "cart_item"),
        ("SELECT 1 -- FROM cart_item", ""),
        ("SELECT 1 /* FROM cart_item */", ""),
        ("SELECT cart_id, books_count FROM orders_order", "orders_order"),
        ("SELECT * FROM a_x, b_y z, (SELECT * FROM c_z) q, d_w", "a_x b_y c_z d_w"),
        ("SELECT * FROM a_x JOIN b_y ON a_x.c_id = b_y.c_id LEFT JOIN c_z USING (d_id)", "a_x b_y c_z"),
        ("SELECT * FROM (a_x CROSS JOIN b_y)", "a_x b_y"),
        ("SELECT * FROM a_x WHERE id IN (SELECT id FROM b_y), c_z", "a_x b_y"),
        ("SELECT f(a_x, b_y) FROM c_z ORDER BY d_w, e_v", "c_z"),
        ("SELECT extract(year FROM cart_at) FROM a_x", "a_x"),
        ("SELECT * FROM a_x WHERE b IS DISTINCT FROM cart_id", "a_x"),
        ('INSERT INTO "cart_item" (cart_id) VALUES (1)', "cart_item"),
        ("INSERT OR REPLACE INTO cart_item SELECT * FROM b_y", "cart_item b_y"),
        ("INSERT INTO a_x (b) VALUES (1) ON DUPLICATE KEY UPDATE cart_id = 2", "a_x"),
        ("INSERT INTO a_x (b) VALUES (1) ON CONFLICT DO UPDATE SET cart_id = 2", "a_x"),
        ("UPDATE cart_item SET books_id = 1, users_id = 2", "cart_item"),
        ("UPDATE a_x SET y = b_y.z FROM b_y WHERE true", "a_x b_y"),
        ("UPDATE a_x, b_y SET a_x.c = 1", "a_x b_y"),
        ("DELETE FROM cart_item WHERE id = 1", "cart_item"),
        ("DELETE FROM ONLY cart_item USING books_book WHERE true", "cart_item books_book"),
        ("SELECT * FROM a_x FOR UPDATE", "a_x"),
        ("TRUNCATE a_x, b_y", "a_x b_y"),
        ("TRUNCATE TABLE a_x", "a_x"),
        ("CREATE TABLE IF NOT EXISTS a_x (id INT REFERENCES b_y (id), CHECK (c_d > 1))", "a_x b_y"),
        ("CREATE TABLE a_x (b INT, FOREIGN KEY(b) REFERENCES b_y (id) ON DELETE CASCADE ON UPDATE CASCADE)", "a_x b_y"),
        ("ALTER TABLE `cart_item` ADD COLUMN books_id INT", "cart_item"),
        ("DROP TABLE a_x", "a_x"),
        ("CREATE UNIQUE INDEX ix_y ON a_x (b_id)", "a_x"),
        ("WITH b_y AS (SELECT * FROM a_x) SELECT * FROM b_y", "a_x"),
        ("WITH RECURSIVE b_y (n) AS (SELECT 1 UNION SELECT n FROM b_y) SELECT * FROM b_y", ""),
        ("SELECT * FROM generate_series(1, 2)", ""),
        ("SELECT * FROM pg_catalog.pg_class JOIN information_schema.tables", ""),
        ("SELECT * FROM public.cart_item", "cart_item"),
        ("SELECT $$ FROM cart_item $$", ""),
        ("MERGE INTO a_x USING b_y ON a_x.id = b_y.id WHEN MATCHED THEN UPDATE SET c_d = 1", "a_x b_y"),
        ("PRAGMA table_info('x')", ""),
        ("SHOW CREATE TABLE `a_x`", ""),
    ],
)
def test_the_tables_of_a_statement_are_found_and_nothing_else(statement: str, tables: str) -> None:
    assert tables_in(statement) == set(tables.split())


@given(st.text(alphabet="aFROMJIN_ ,.()'\"`[]-/*$;\n\x00é", max_size=60))
def test_no_text_is_too_strange(statement: str) -> None:
    tables_in(statement)


WORDS = ["SELECT", "FROM", "a_x", ",", "(", ")", "AS", "WITH", "JOIN", "USING", "UPDATE", "SET", "ON", ".", "TABLE"]


@given(st.lists(st.sampled_from(WORDS)))
def test_no_order_of_words_is_too_strange(words: list[str]) -> None:
    tables_in(" ".join(words))


@pytest.mark.parametrize(
    ("table", "owner"),
    [("cart_item", "cart"), ("cart_items", "cart"), ("cart_items_line", "cart_items"), ("carts_x", None), ("x", None)],
)
def test_prefixes_that_nest_are_told_apart(table: str, owner: str | None) -> None:
    assert owner_of_table(table, {"cart", "cart_items"}) == owner
