"""A client of an MCP server, made with the official SDK; tests/system/mcp.rs says what it asks.

mcp_client.py MODE (URL | PROGRAM ARGUMENT…): connects over streamable HTTP, or starts the program and
speaks over its standard input and output. MODE is `auto` (the newest protocol that both know) or `legacy`
(the initialize handshake). Standard input holds a JSON list of questions, each [method, argument, …]:
["tool", name, arguments], ["resource", uri], ["prompt", name, arguments]. Prints one JSON object: what the
server says of itself, its lists, and `answers`, one for each question; an error of the protocol is
{"protocol_error": message}.
"""

import asyncio
import json
import sys

from mcp import Client, StdioServerParameters


def plain(model):
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


async def answer(client, method, *arguments):
    ask = {"tool": client.call_tool, "resource": client.read_resource, "prompt": client.get_prompt}[method]
    try:
        return plain(await ask(*arguments))
    except Exception as error:  # the SDK's own types differ between versions of the protocol
        return {"protocol_error": str(error)}


async def main():
    mode, target, *arguments = sys.argv[1:]
    questions = json.load(sys.stdin)
    server = target if target.startswith("http") else StdioServerParameters(command=target, args=arguments)
    async with Client(server, mode=mode, read_timeout_seconds=60) as client:
        said = {
            "protocol_version": client.protocol_version,
            "server": plain(client.server_info),
            "instructions": client.instructions,
            "tools": plain(await client.list_tools())["tools"],
            "resources": plain(await client.list_resources())["resources"],
            "templates": plain(await client.list_resource_templates())["resourceTemplates"],
            "prompts": plain(await client.list_prompts())["prompts"],
            "answers": [await answer(client, *question) for question in questions],
        }
    json.dump(said, sys.stdout)


asyncio.run(main())
