using System.Security.Cryptography;
using System.Text;
using CsCheck;
using Fleet.Http;

namespace Kaji.Fleet.Tests;

public sealed class HashesTests
{
    [Fact]
    public void Hashes_AreTheFrameworks() =>
        Gen.Byte.Array[0, 300].Select(Gen.Byte.Array[0, 150]).Sample((data, key) =>
        {
            Assert.Equal(SHA256.HashData(data), Hashes.Sha256(data));
            Assert.Equal(HMACSHA256.HashData(key, data), Hashes.HmacSha256(key, data));
            var text = Convert.ToHexString(data);
            Assert.Equal(SHA1.HashData(Encoding.ASCII.GetBytes(text)), Hashes.Sha1(text));
        });

    [Fact]
    public void Signature_CoversEachPart()
    {
        var one = Signature.Of("secret", "1700000000000", "POST", "/api/v1/order", "{}"u8);
        Assert.Equal(Convert.ToHexStringLower(HMACSHA256.HashData("secret"u8, "1700000000000POST/api/v1/order{}"u8)), one);
        Assert.NotEqual(one, Signature.Of("secret", "1700000000001", "POST", "/api/v1/order", "{}"u8));
        Assert.NotEqual(one, Signature.Of("secret", "1700000000000", "POST", "/api/v1/order", "{ }"u8));
        Assert.NotEqual(one, Signature.Of("other", "1700000000000", "POST", "/api/v1/order", "{}"u8));
        Assert.True(Signature.Equal(one, one));
        Assert.False(Signature.Equal(one, one[..^1]));
    }
}
