"""A client of an MCP server, made with the official SDK; tests/system/mcp.rs says what it asks.

mcp_client.py (URL | PROGRAM ARGUMENT…): connects over streamable HTTP, or starts the program and speaks
over its standard input and output. Standard input holds a JSON list of questions, each
[method, argument, …]: ["tool", name, arguments], ["resource", uri], ["prompt", name, arguments]. Prints one
JSON object: what the server says of itself, its lists, and `answers`, one for each question; an error of
the protocol is {"protocol_error": message}.
"""

import asyncio
import json
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client


def plain(model):
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


async def answer(session, method, *arguments):
    ask = {"tool": session.call_tool, "resource": session.read_resource, "prompt": session.get_prompt}[method]
    try:
        return plain(await ask(*arguments))
    except Exception as error:  # told to the test, which knows which are due
        return {"protocol_error": str(error)}


async def main():
    target, *arguments = sys.argv[1:]
    questions = json.load(sys.stdin)
    if target.startswith("http"):
        transport = streamable_http_client(target)
    else:
        transport = stdio_client(StdioServerParameters(command=target, args=arguments))
    async with transport as (read, write, *_), ClientSession(read, write) as session:
        welcome = plain(await session.initialize())
        said = {
            "server": welcome["serverInfo"],
            "instructions": welcome["instructions"],
            "tools": plain(await session.list_tools())["tools"],
            "resources": plain(await session.list_resources())["resources"],
            "templates": plain(await session.list_resource_templates())["resourceTemplates"],
            "prompts": plain(await session.list_prompts())["prompts"],
            "answers": [await answer(session, *question) for question in questions],
        }
    json.dump(said, sys.stdout)


asyncio.run(main())
