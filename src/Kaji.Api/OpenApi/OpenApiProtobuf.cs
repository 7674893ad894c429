using System.Text;
using System.Text.Json;

namespace Kaji.Api.OpenApi;

/// <summary>
/// An OpenAPI v2 document in gnostic's protobuf form (openapi.v2.Document), which Go clients ask for. Extensions and defaults travel as YAML text, and JSON is YAML.
/// https://github.com/google/gnostic/blob/main/openapiv2/OpenAPIv2.proto
/// </summary>
/// <example>
/// <code>
/// {"swagger":"2.0","definitions":{"a":{"type":"string"}}}
/// 0a 03 "2.0" | 4a .. Definitions { 0a .. NamedSchema { 0a 01 "a"  12 .. Schema { b2 01 .. TypeItem { 0a 06 "string" } } } }
/// </code>
/// </example>
public static class OpenApiProtobuf
{
    /// <summary>The document's bytes.</summary>
    /// <param name="v2">The document as JSON.</param>
    public static byte[] Bytes(ReadOnlyMemory<byte> v2)
    {
        using var json = JsonDocument.Parse(v2);
        var root = json.RootElement;
        var message = new Message();
        message.Text(1, root.GetProperty("swagger"));
        var info = root.GetProperty("info");
        message.Nested(2, m =>
        {
            m.Text(1, info.GetProperty("title"));
            m.Text(2, info.GetProperty("version"));
        });
        message.Nested(8, paths =>
        {
            foreach (var path in root.GetProperty("paths").EnumerateObject())
            {
                paths.Named(2, path.Name, item => PathItem(item, path.Value));
            }
        });
        message.Nested(9, definitions =>
        {
            foreach (var definition in root.GetProperty("definitions").EnumerateObject())
            {
                definitions.Named(1, definition.Name, schema => Schema(schema, definition.Value));
            }
        });
        return message.ToArray();
    }

    private static void PathItem(Message item, JsonElement json)
    {
        foreach (var member in json.EnumerateObject())
        {
            var field = member.Name switch { "get" => 2, "put" => 3, "post" => 4, "delete" => 5, "options" => 6, "head" => 7, "patch" => 8, _ => 0 };
            if (field > 0)
            {
                item.Nested(field, o => Operation(o, member.Value));
            }
            else if (member.Name == "parameters")
            {
                Parameters(item, 9, member.Value);
            }
        }
    }

    private static void Operation(Message operation, JsonElement json)
    {
        foreach (var member in json.EnumerateObject())
        {
            switch (member.Name)
            {
                case "tags" or "produces" or "consumes" or "schemes":
                    foreach (var text in member.Value.EnumerateArray())
                    {
                        operation.Text(member.Name switch { "tags" => 1, "produces" => 6, "consumes" => 7, _ => 10 }, text);
                    }

                    break;
                case "description":
                    operation.Text(3, member.Value);
                    break;
                case "operationId":
                    operation.Text(5, member.Value);
                    break;
                case "parameters":
                    Parameters(operation, 8, member.Value);
                    break;
                case "responses":
                    operation.Nested(9, responses =>
                    {
                        foreach (var response in member.Value.EnumerateObject())
                        {
                            responses.Named(1, response.Name, value => value.Nested(1, r =>
                            {
                                r.Text(1, response.Value.GetProperty("description"));
                                if (response.Value.TryGetProperty("schema", out var schema))
                                {
                                    r.Nested(2, i => i.Nested(1, s => Schema(s, schema)));
                                }
                            }));
                        }
                    });
                    break;
                case var name when name.StartsWith("x-", StringComparison.Ordinal):
                    operation.Named(13, name, any => any.Text(2, member.Value.GetRawText()));
                    break;
            }
        }
    }

    private static void Parameters(Message owner, int field, JsonElement parameters)
    {
        foreach (var parameter in parameters.EnumerateArray())
        {
            var place = parameter.GetProperty("in").GetString();
            owner.Nested(field, item => item.Nested(1, p =>
            {
                if (place == "body")
                {
                    p.Nested(1, body =>
                    {
                        body.Text(2, parameter.GetProperty("name"));
                        body.Text(3, "body");
                        body.Flag(4, parameter.TryGetProperty("required", out var required) && required.GetBoolean());
                        body.Nested(5, s => Schema(s, parameter.GetProperty("schema")));
                    });
                    return;
                }

                var query = place == "query";
                p.Nested(2, other => other.Nested(query ? 3 : 4, sub =>
                {
                    sub.Flag(1, parameter.TryGetProperty("required", out var required) && required.GetBoolean());
                    sub.Text(2, place!);
                    sub.Text(3, parameter.GetProperty("description"));
                    sub.Text(4, parameter.GetProperty("name"));
                    sub.Text(query ? 6 : 5, parameter.GetProperty("type"));
                    sub.Flag(query ? 20 : 19, parameter.TryGetProperty("uniqueItems", out var unique) && unique.GetBoolean());
                }));
            }));
        }
    }

    private static void Schema(Message schema, JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object)
        {
            return;
        }

        foreach (var member in json.EnumerateObject())
        {
            var value = member.Value;
            switch (member.Name)
            {
                case "$ref" or "format" or "title" or "description" or "pattern":
                    schema.Text(member.Name switch { "$ref" => 1, "format" => 2, "title" => 3, "description" => 4, _ => 13 }, value);
                    break;
                case "default":
                    schema.Nested(5, any => any.Text(2, value.GetRawText()));
                    break;
                case "multipleOf" or "maximum" or "minimum":
                    schema.Double(member.Name switch { "multipleOf" => 6, "maximum" => 7, _ => 9 }, value.GetDouble());
                    break;
                case "exclusiveMaximum" or "exclusiveMinimum" or "uniqueItems":
                    schema.Flag(member.Name switch { "exclusiveMaximum" => 8, "exclusiveMinimum" => 10, _ => 16 }, value.GetBoolean());
                    break;
                case "maxLength" or "minLength" or "maxItems" or "minItems" or "maxProperties" or "minProperties":
                    schema.Number(member.Name switch { "maxLength" => 11, "minLength" => 12, "maxItems" => 14, "minItems" => 15, "maxProperties" => 17, _ => 18 }, value.GetInt64());
                    break;
                case "required":
                    foreach (var name in value.EnumerateArray())
                    {
                        schema.Text(19, name);
                    }

                    break;
                case "enum":
                    foreach (var one in value.EnumerateArray())
                    {
                        schema.Nested(20, any => any.Text(2, one.GetRawText()));
                    }

                    break;
                case "additionalProperties":
                    schema.Nested(21, item =>
                    {
                        if (value.ValueKind == JsonValueKind.Object)
                        {
                            item.Nested(1, s => Schema(s, value));
                        }
                        else
                        {
                            item.Flag(2, value.GetBoolean(), always: true);
                        }
                    });
                    break;
                case "type":
                    schema.Nested(22, type => type.Text(1, value));
                    break;
                case "items":
                    schema.Nested(23, items => items.Nested(1, s => Schema(s, value)));
                    break;
                case "allOf":
                    foreach (var one in value.EnumerateArray())
                    {
                        schema.Nested(24, s => Schema(s, one));
                    }

                    break;
                case "properties":
                    schema.Nested(25, properties =>
                    {
                        foreach (var property in value.EnumerateObject())
                        {
                            properties.Named(1, property.Name, s => Schema(s, property.Value));
                        }
                    });
                    break;
                case var name when name.StartsWith("x-", StringComparison.Ordinal):
                    schema.Named(31, name, any => any.Text(2, value.GetRawText()));
                    break;
            }
        }
    }

    /// <summary>A protobuf message being written: fields in the order they come.</summary>
    private sealed class Message
    {
        private readonly MemoryStream _bytes = new();

        public byte[] ToArray() => _bytes.ToArray();

        public void Text(int field, JsonElement text) => Text(field, text.GetString() ?? "");

        public void Text(int field, string text)
        {
            if (text.Length > 0)
            {
                Raw(field, Encoding.UTF8.GetBytes(text));
            }
        }

        public void Flag(int field, bool value, bool always = false)
        {
            if (value || always)
            {
                Varint((ulong)field << 3);
                Varint(value ? 1UL : 0);
            }
        }

        public void Number(int field, long value)
        {
            Varint((ulong)field << 3);
            Varint((ulong)value);
        }

        public void Double(int field, double value)
        {
            Varint(((ulong)field << 3) | 1);
            Span<byte> bytes = stackalloc byte[8];
            System.Buffers.Binary.BinaryPrimitives.WriteDoubleLittleEndian(bytes, value);
            _bytes.Write(bytes);
        }

        public void Nested(int field, Action<Message> write)
        {
            var inner = new Message();
            write(inner);
            Raw(field, inner._bytes.GetBuffer().AsSpan(0, (int)inner._bytes.Length));
        }

        /// <summary>An entry of a map: name, and a message as value.</summary>
        public void Named(int field, string name, Action<Message> value) => Nested(field, entry =>
        {
            entry.Text(1, name);
            entry.Nested(2, value);
        });

        private void Raw(int field, ReadOnlySpan<byte> bytes)
        {
            Varint(((ulong)field << 3) | 2);
            Varint((ulong)bytes.Length);
            _bytes.Write(bytes);
        }

        private void Varint(ulong value)
        {
            while (value >= 0x80)
            {
                _bytes.WriteByte((byte)(value | 0x80));
                value >>= 7;
            }

            _bytes.WriteByte((byte)value);
        }
    }
}
