"""Calls each operation with the sandbox's key of a role that may (`x-roles`)."""

import schemathesis


@schemathesis.auth(refresh_interval=None)
class RoleAuth:
    def get(self, case, context):
        roles = case.operation.definition.raw.get("x-roles")
        return f"sandbox_{roles[0]}" if roles else None

    def set(self, case, key, context):
        if key is not None:
            case.headers["Authorization"] = f"Bearer {key}"
