using System.Globalization;
using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Errors;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Kaji.ApiServer.Requests;

/// <summary>A YAML body as JSON: what apply patches and <c>application/yaml</c> writes send.</summary>
internal static class YamlBody
{
    private const int MaxNodes = 500_000;

    /// <exception cref="ApiErrorException">Not YAML.</exception>
    public static JsonNode? Parse(string text)
    {
        try
        {
            var yaml = new YamlStream();
            yaml.Load(new MergingParser(new Parser(new StringReader(text))));
            var budget = MaxNodes;
            return yaml.Documents.Count == 0 ? null : Convert(yaml.Documents[0].RootNode, ref budget);
        }
        catch (YamlException e)
        {
            throw new ApiErrorException(ApiErrors.BadRequest($"error parsing YAML: line {e.Start.Line}: {e.Message}"));
        }
    }

    private static JsonNode? Convert(YamlNode node, ref int budget)
    {
        if (--budget < 0)
        {
            throw new ApiErrorException(ApiErrors.BadRequest("the YAML document is too large once its aliases are followed"));
        }

        switch (node)
        {
            case YamlMappingNode mapping:
                var obj = new JsonObject();
                foreach (var (key, value) in mapping.Children)
                {
                    obj[((YamlScalarNode)key).Value ?? ""] = Convert(value, ref budget);
                }

                return obj;
            case YamlSequenceNode sequence:
                var array = new JsonArray();
                foreach (var item in sequence.Children)
                {
                    array.Add(Convert(item, ref budget));
                }

                return array;
            default:
                var scalar = (YamlScalarNode)node;
                var text = scalar.Value ?? "";
                if (scalar.Style != ScalarStyle.Plain)
                {
                    return text;
                }

                return text switch
                {
                    "" or "~" or "null" => null,
                    "true" or "True" => true,
                    "false" or "False" => false,
                    _ when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) => number,
                    _ when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) && double.IsFinite(real) => real,
                    _ => text,
                };
        }
    }
}
