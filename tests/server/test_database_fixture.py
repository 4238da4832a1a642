"""The databases that tests get are their own."""

import asyncpg


async def test_a_test_sees_no_rows_of_another(fresh_database_url, database_url):
    connection = await asyncpg.connect(fresh_database_url)
    try:
        await connection.execute("CREATE TABLE only_here (id int)")
        elsewhere = await asyncpg.connect(database_url)
        try:
            assert await elsewhere.fetchval("SELECT to_regclass('only_here')") is None
        finally:
            await elsewhere.close()
    finally:
        await connection.close()
