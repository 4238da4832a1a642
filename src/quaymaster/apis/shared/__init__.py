"""What every API needs: who is calling, paging, request limits."""
