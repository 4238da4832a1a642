"""The Aviator Releases dialect: release candidates, deployments, rollback."""
