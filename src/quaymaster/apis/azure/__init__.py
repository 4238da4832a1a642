"""The Azure DevOps Release Management and Build contract."""
