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

                return Plain(text);
        }
    }

    /// <summary>What a plain scalar is by YAML 1.1, which is what Kubernetes reads: <c>yes</c> is true, <c>0644</c> octal.</summary>
    private static JsonNode? Plain(string text)
    {
        switch (text)
        {
            case "" or "~" or "null" or "Null" or "NULL":
                return null;
            case "true" or "True" or "TRUE" or "yes" or "Yes" or "YES" or "y" or "Y" or "on" or "On" or "ON":
                return true;
            case "false" or "False" or "FALSE" or "no" or "No" or "NO" or "n" or "N" or "off" or "Off" or "OFF":
                return false;
        }

        var digits = text[0] is '-' or '+' ? text[1..] : text;
        if (digits.Length > 1 && digits[0] == '0' && digits[1] is not ('.' or 'e' or 'E'))
        {
            var (radix, number) = digits[1] switch
            {
                'x' or 'X' => (16, digits[2..]),
                'o' or 'O' => (8, digits[2..]),
                'b' or 'B' => (2, digits[2..]),
                _ => (8, digits[1..]),
            };
            return Based(number, radix) is { } value ? (text[0] == '-' ? -value : value) : text;
        }

        return long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) ? whole
            : char.IsAsciiDigit(digits.Length > 0 ? digits[0] == '.' && digits.Length > 1 ? digits[1] : digits[0] : ' ')
                && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) && double.IsFinite(real) ? real
            : text;
    }

    private static long? Based(string digits, int radix)
    {
        long value = 0;
        foreach (var c in digits)
        {
            var digit = char.IsAsciiHexDigit(c) ? System.Convert.ToInt32(c.ToString(), 16) : radix;
            if (digit >= radix || value > (long.MaxValue - digit) / radix)
            {
                return null;
            }

            value = (value * radix) + digit;
        }

        return digits.Length > 0 ? value : null;
    }
}
