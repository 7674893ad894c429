using System.Globalization;
using System.Text;
using Kaji.Api;
using Kaji.Api.Errors;

namespace Kaji.ApiServer.Registry;

/// <summary>Where the next page of a list begins: the revision of the first page (or <see cref="Newest"/> once that is gone), and the last key of this one.</summary>
internal readonly record struct ContinueToken(long Revision, string After)
{
    public const long Newest = -1;

    public string Encode() => Convert.ToBase64String(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"1:{Revision}:{After}"))).TrimEnd('=').Replace('+', '-').Replace('/', '_');

    /// <exception cref="ApiErrorException">400.</exception>
    public static ContinueToken Decode(string text, string prefix)
    {
        try
        {
            var plain = text.Replace('-', '+').Replace('_', '/');
            var parts = Encoding.UTF8.GetString(Convert.FromBase64String(plain.PadRight((plain.Length + 3) / 4 * 4, '='))).Split(':', 3);
            if (parts is ["1", var revision, var after] && long.TryParse(revision, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var at) && at is > 0 or Newest &&  after.StartsWith(prefix, StringComparison.Ordinal))
            {
                return new ContinueToken(at, after);
            }
        }
        catch (FormatException)
        {
            throw Bad();
        }

        throw Bad();
    }

    private static ApiErrorException Bad() => new(ApiErrors.BadRequest("continue key is not valid: encoded continue token not well formed"));
}
